-- Returns the deployments that occupy more concurrency slots than they have active flow runs, and the number of excess slots (SQLite,
-- Prefect's schema).
SELECT deployment.name, slots.active_slots - count(flow_run.id) AS excess
FROM concurrency_limit_v2 AS slots
JOIN deployment ON deployment.concurrency_limit_id = slots.id
LEFT JOIN flow_run
    ON flow_run.deployment_id = deployment.id AND flow_run.state_type IN ('PENDING', 'RUNNING', 'CANCELLING')
GROUP BY deployment.id, deployment.name, slots.active_slots
HAVING slots.active_slots > count(flow_run.id)
ORDER BY deployment.name

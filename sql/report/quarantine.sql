-- One row per reason for which images were set aside.
SELECT reason, count(DISTINCT name) AS images, min(name) AS example
FROM quarantine
GROUP BY reason
ORDER BY images DESC, reason;

-- Returns one row per reason for which images were refused.
SELECT reason, count(DISTINCT name) AS images, min(name) AS example
FROM quarantine
GROUP BY reason
ORDER BY images DESC, reason;

-- --8<-- [start:watch]
-- How many records there are and ever were: what it grows by is your rate.
SELECT coalesce(sum(written), 0) AS records FROM consentgate_writers;
-- When the last seal was made: not more than two days ago.
SELECT number, to_timestamp(made_at) AS made_at FROM consentgate_seals
ORDER BY number DESC LIMIT 1;
-- --8<-- [end:watch]

-- --8<-- [start:waiting]
SELECT count(*) FROM consentgate_spool;
-- --8<-- [end:waiting]

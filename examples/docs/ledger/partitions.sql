-- --8<-- [start:functions]
-- The first sequence of a day in UTC: microseconds since 1970, and 1024 numbers in each.
CREATE FUNCTION consentgate_sequence(day date) RETURNS bigint
    LANGUAGE sql IMMUTABLE
    AS $$ SELECT extract(epoch FROM day)::bigint * 1000000 * 1024 $$;

-- Makes the partition of a month, unless it is there. Nobody waits for it.
CREATE FUNCTION consentgate_add_month(day date) RETURNS void
    LANGUAGE plpgsql
    AS $$
DECLARE
    month date := date_trunc('month', day);
    part text := 'consentgate_records_' || to_char(month, 'YYYY_MM');
BEGIN
    IF to_regclass(part) IS NULL THEN
        EXECUTE format('CREATE TABLE %I (LIKE consentgate_records INCLUDING ALL)', part);
        EXECUTE format(
            'ALTER TABLE consentgate_records ATTACH PARTITION %I FOR VALUES FROM (%s) TO (%s)',
            part,
            consentgate_sequence(month),
            consentgate_sequence((month + interval '1 month')::date)
        );
    END IF;
END $$;

-- Removes a partition, if it is empty. Writers wait for the moment that it takes.
CREATE FUNCTION consentgate_drop_partition(part text) RETURNS void
    LANGUAGE plpgsql
    AS $$
DECLARE
    is_used boolean;
BEGIN
    LOCK TABLE ONLY consentgate_records IN ACCESS EXCLUSIVE MODE;
    EXECUTE format('SELECT EXISTS (SELECT FROM %I)', part) INTO is_used;
    IF is_used THEN
        RAISE EXCEPTION '% still has records: prune first', part;
    END IF;
    EXECUTE format('DROP TABLE %I', part);
END $$;
-- --8<-- [end:functions]

-- --8<-- [start:fresh]
BEGIN;
LOCK TABLE consentgate_records IN ACCESS EXCLUSIVE MODE;
DO $$
BEGIN
    IF EXISTS (SELECT FROM consentgate_records) THEN
        RAISE EXCEPTION 'consentgate_records has records: see "When there are records already"';
    END IF;
END $$;
ALTER TABLE consentgate_records RENAME TO consentgate_records_first;
ALTER INDEX consentgate_records_pk RENAME TO consentgate_records_first_pk;
ALTER INDEX consentgate_records_writer RENAME TO consentgate_records_first_writer;
CREATE TABLE consentgate_records (
    LIKE consentgate_records_first,
    CONSTRAINT consentgate_records_pk PRIMARY KEY (id, sequence)
) PARTITION BY RANGE (sequence);
CREATE INDEX consentgate_records_writer ON consentgate_records (writer, number);
CREATE TABLE consentgate_records_rest PARTITION OF consentgate_records DEFAULT;
DROP TABLE consentgate_records_first;
COMMIT;
-- --8<-- [end:fresh]

-- --8<-- [start:ahead]
-- This month, and those of the year that comes.
SELECT consentgate_add_month((now() AT TIME ZONE 'UTC' + n * interval '1 month')::date)
FROM generate_series(0, 12) AS n;
-- --8<-- [end:ahead]

-- --8<-- [start:rest]
-- Records of months that nobody made a partition for. It should be 0.
SELECT count(*) FROM consentgate_records_rest;
-- --8<-- [end:rest]

-- --8<-- [start:move]
BEGIN;
SET LOCAL lock_timeout = '1s';
ALTER TABLE consentgate_records DETACH PARTITION consentgate_records_rest;
SELECT consentgate_add_month(day) FROM (
    SELECT DISTINCT (to_timestamp(sequence / 1024 / 1000000) AT TIME ZONE 'UTC')::date AS day
    FROM consentgate_records_rest
) AS days;
INSERT INTO consentgate_records SELECT * FROM consentgate_records_rest;
TRUNCATE consentgate_records_rest;
ALTER TABLE consentgate_records ATTACH PARTITION consentgate_records_rest DEFAULT;
COMMIT;
-- --8<-- [end:move]

-- --8<-- [start:drop]
VACUUM consentgate_records_2026_01;
SET lock_timeout = '1s';
SELECT consentgate_drop_partition('consentgate_records_2026_01');
-- --8<-- [end:drop]

-- --8<-- [start:bound]
-- What is there, and what comes until the end of next month, goes into one partition.
CREATE FUNCTION consentgate_bound() RETURNS bigint
    LANGUAGE sql STABLE
    AS $$
        SELECT consentgate_sequence(
            (date_trunc('month', now() AT TIME ZONE 'UTC') + interval '2 months')::date
        )
    $$;

DO $$
BEGIN
    EXECUTE format(
        'ALTER TABLE consentgate_records ADD CONSTRAINT consentgate_records_bound '
        'CHECK (sequence < %s) NOT VALID',
        consentgate_bound()
    );
END $$;
ALTER TABLE consentgate_records VALIDATE CONSTRAINT consentgate_records_bound;
-- --8<-- [end:bound]

-- --8<-- [start:filled]
BEGIN;
SET LOCAL lock_timeout = '1s';
ALTER TABLE consentgate_records RENAME TO consentgate_records_first;
ALTER INDEX consentgate_records_pk RENAME TO consentgate_records_first_pk;
ALTER INDEX consentgate_records_writer RENAME TO consentgate_records_first_writer;
CREATE TABLE consentgate_records (
    LIKE consentgate_records_first,
    CONSTRAINT consentgate_records_pk PRIMARY KEY (id, sequence)
) PARTITION BY RANGE (sequence);
CREATE INDEX consentgate_records_writer ON consentgate_records (writer, number);
DO $$
BEGIN
    EXECUTE format(
        'ALTER TABLE consentgate_records ATTACH PARTITION consentgate_records_first '
        'FOR VALUES FROM (MINVALUE) TO (%s)',
        consentgate_bound()
    );
END $$;
CREATE TABLE consentgate_records_rest PARTITION OF consentgate_records DEFAULT;
-- Who may do what, as before: the lines of "Then the rights".
GRANT SELECT, INSERT ON consentgate_records TO consent_app;
GRANT SELECT ON consentgate_records TO consent_reader;
COMMIT;
ALTER TABLE consentgate_records_first DROP CONSTRAINT consentgate_records_bound;
DROP FUNCTION consentgate_bound;
-- --8<-- [end:filled]

-- --8<-- [start:after]
SELECT consentgate_add_month((now() AT TIME ZONE 'UTC' + n * interval '1 month')::date)
FROM generate_series(2, 13) AS n;
-- --8<-- [end:after]

-- --8<-- [start:rights]
-- What is written once, and never changed.
GRANT SELECT, INSERT ON consentgate_records, consentgate_documents, consentgate_seals
    TO consent_app;
-- What counts.
GRANT SELECT, INSERT, UPDATE ON consentgate_writers, consentgate_registry TO consent_app;
-- What the app only looks at.
GRANT SELECT ON consentgate_erasures, consentgate_version TO consent_app;
GRANT SELECT ON ALL TABLES IN SCHEMA public TO consent_reader;
-- --8<-- [end:rights]

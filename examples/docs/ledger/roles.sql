-- --8<-- [start:roles]
CREATE ROLE consent_owner LOGIN;
CREATE ROLE consent_app LOGIN;
CREATE ROLE consent_reader LOGIN;
CREATE DATABASE consent OWNER consent_owner;
REVOKE ALL ON DATABASE consent FROM PUBLIC;
GRANT CONNECT ON DATABASE consent TO consent_app, consent_reader;
-- --8<-- [end:roles]

-- What the app role may do with whatever the owner role makes in this database.
-- Run as a superuser, once per database, before the first migration. TRUNCATE is left out on
-- purpose: it is not subject to row security and would empty the audit log.
SELECT 'CREATE ROLE homepot_owner'
 WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'homepot_owner') \gexec
SELECT 'CREATE ROLE homepot_app'
 WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'homepot_app') \gexec

REVOKE CREATE ON SCHEMA public FROM PUBLIC;
GRANT USAGE, CREATE ON SCHEMA public TO homepot_owner;
GRANT USAGE ON SCHEMA public TO homepot_app;
ALTER DEFAULT PRIVILEGES FOR ROLE homepot_owner IN SCHEMA public
    GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO homepot_app;
ALTER DEFAULT PRIVILEGES FOR ROLE homepot_owner IN SCHEMA public
    GRANT USAGE, SELECT ON SEQUENCES TO homepot_app;

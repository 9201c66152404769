-- The two roles of an installation and its database. Run as a superuser, once per server:
--   HOMEPOT_OWNER_PASSWORD=… HOMEPOT_APP_PASSWORD=… psql -f deploy/postgres/roles.sql
-- homepot_owner owns the tables and runs migrations; homepot_app serves requests and owns nothing,
-- so forced row security holds for it.
\set ON_ERROR_STOP 1
\getenv owner_password HOMEPOT_OWNER_PASSWORD
\getenv app_password HOMEPOT_APP_PASSWORD

SELECT 'CREATE ROLE homepot_owner'
 WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'homepot_owner') \gexec
SELECT 'CREATE ROLE homepot_app'
 WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'homepot_app') \gexec

ALTER ROLE homepot_owner
    LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE PASSWORD :'owner_password';
ALTER ROLE homepot_app
    LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE PASSWORD :'app_password';
-- Its statements are short; compiling one that reads a table in many parts takes seconds.
ALTER ROLE homepot_app SET jit = off;

SELECT 'CREATE DATABASE homepot OWNER homepot_owner'
 WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'homepot') \gexec
REVOKE ALL ON DATABASE homepot FROM PUBLIC;
GRANT CONNECT ON DATABASE homepot TO homepot_app;

\connect homepot
\ir grants.sql

-- Run once, by the image of Postgres, when it makes a new data directory (docker-compose.yml).
-- The programs are the database's owner, not a superuser: whoever gets hold of their session cannot
-- run programs or read files on the server. The superuser has no password, so it comes in by the
-- container's own socket alone: docker compose exec postgres psql -U postgres
\getenv password POSTGRES_PASSWORD
create role likeness login createrole password :'password';
create database likeness owner likeness;
alter role postgres password null;

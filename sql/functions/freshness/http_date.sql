create or replace function likeness.http_date(value text)
returns timestamptz
language sql
immutable parallel safe
begin atomic
  -- Day by day from the first of its month, so that no text makes this fail: servers send what they like.
  select case
    when http_date.value ~ '^[A-Z][a-z]{2}, [0-3][0-9] (Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) (19|20)[0-9]{2} [0-2][0-9]:[0-5][0-9]:[0-6][0-9] GMT$'
    then (make_date(substring(http_date.value from 13 for 4)::int,
                    (position(substring(http_date.value from 9 for 3) in 'JanFebMarAprMayJunJulAugSepOctNovDec') + 2) / 3, 1)
          + (substring(http_date.value from 6 for 2)::int - 1)
          + make_interval(hours => substring(http_date.value from 18 for 2)::int, mins => substring(http_date.value from 21 for 2)::int,
                          secs => substring(http_date.value from 24 for 2)::int)) at time zone 'UTC' end;
end;
comment on function likeness.http_date(text) is 'The time that a Last-Modified header names; null where it is none.';

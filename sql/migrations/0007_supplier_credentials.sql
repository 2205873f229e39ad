-- Which schemes a supplier's addresses may have, and what its servers want to be told before they answer.

alter table likeness.suppliers
  add column allowed_schemes text[] not null default '{http,https,ftp,ftps}'
    constraint schemes_are_known check (allowed_schemes <@ '{http,https,ftp,ftps}' and allowed_schemes <> '{}');
comment on column likeness.suppliers.allowed_schemes is 'Schemes that its pictures'' addresses, and redirects from them, may have.';

create table likeness.supplier_credentials (
  supplier_id bigint constraint supplier_credentials_pkey primary key
    constraint supplier_credentials_supplier_id_fkey references likeness.suppliers on delete cascade,
  username text not null constraint username_is_one_line check (username <> '' and username !~ '[[:cntrl:]]'),
  hosts text[] not null constraint credentials_have_a_host check (hosts <> '{}'),
  updated_at timestamptz not null default now(),
  password text not null constraint password_is_one_line check (password !~ '[[:cntrl:]]')
);
comment on table likeness.supplier_credentials is 'User name and password of a supplier''s servers, for FTP and for HTTP (Basic). Hidden from likeness_reader.';
comment on column likeness.supplier_credentials.supplier_id is 'The supplier.';
comment on column likeness.supplier_credentials.username is 'User name.';
comment on column likeness.supplier_credentials.hosts is 'Exact hosts or .suffixes that they are sent to; a feed that names another host gets them sent nowhere.';
comment on column likeness.supplier_credentials.updated_at is 'When they were last set.';
comment on column likeness.supplier_credentials.password is 'Password, in clear, since the servers want it so.';
comment on index likeness.supplier_credentials_pkey is 'Serves claim_images() and image_source().';

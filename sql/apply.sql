-- The one ordered list of everything in this schema. It runs as it stands, on an empty database or on one
-- that has had some of it:
--
--     psql -1 -f sql/apply.sql
--
-- `likeness migrate` reads the same list, and applies the queue library's own schema beside it.
-- scripts/checksum_migrations fills in the checksum of a migration that is listed as `new`.
\set ON_ERROR_STOP on
\set QUIET on
set client_min_messages = warning;
set client_encoding = 'UTF8';
set standard_conforming_strings = on;
select pg_advisory_xact_lock(7235421901) \g /dev/null
set lock_timeout = '10s';
\ir bootstrap.sql

\set migration 0001_suppliers_and_hosts
\set checksum 24caaf74c47248b8779b8c172b7f42445a4686ec2f92aba1799786a1e61f6f95
\ir apply_migration.sql
\set migration 0002_products
\set checksum 063c3f29df2ac4e8bfcd888f39f21364d523fff10f5677693c21b106886f492e
\ir apply_migration.sql
\set migration 0003_blobs_and_presets
\set checksum c2a105f1f7696f15f2c42aaa386520cd8f59954c2271c4461ab80b80622e5d56
\ir apply_migration.sql
\set migration 0004_images
\set checksum ff57e7b01fb78ddde964a0db46ec0cf978d0c492931882c1fd41ec636a08775f
\ir apply_migration.sql
\set migration 0005_feed_staging
\set checksum 7d404520bc7fb78a1a0ab3d1294b3e8ce903a887884a6abbc2ecafd219a732e3
\ir apply_migration.sql
\set migration 0006_second_wave
\set checksum 131a2dccd3a92382b493e1ab3ad3821e2aa911ac369d14a7bfad3f59efa187ce
\ir apply_migration.sql
\set migration 0007_supplier_credentials
\set checksum 549f05a75b189089f3a3e9ee870e2f94723a5b2d1cc8c35dc44686a692cf7545
\ir apply_migration.sql
\set migration 0008_operators
\set checksum a24d374aaf6c0bb6c01b2da0de3c13e1005c98e363068926400c62030dac0d28
\ir apply_migration.sql
\set migration 0009_garbage
\set checksum 202188bb05b932d4101f0054cd668270702ea6e2ac952f406a39112ff2278cec
\ir apply_migration.sql
\set migration 0010_match_index
\set checksum 14bd9bc863b9157835eb010b31b3582b743b00fa4e72dee7b90460ad44c7de5c
\ir apply_migration.sql
\set migration 0011_matching
\set checksum de690863aa932edc25ce82e2812f45c4ecc32e19a5d84cfda6a9545ae2efcf09
\ir apply_migration.sql
\set migration 0012_freshness
\set checksum 887f75a87360b94130ebc33463be8eb48b823ff1837c0eab3126b2905c6f28f3
\ir apply_migration.sql
\set migration 0013_upkeep
\set checksum 8d3192d11062dd294376ae74532fc4a191d3e808893de51afb766048e50c1495
\ir apply_migration.sql
\set migration 0014_access
\set checksum c4c049dc9667014a7b2d62edc276e1b09584d669a992b318aa7f08640a32cbeb
\ir apply_migration.sql
\set migration 0015_lighter_indexes
\set checksum e0ade15b32f191d2a2012f3ad1518d5695a2c70d3cb1a36d848dcaf470cc6232
\ir apply_migration.sql
\set migration 0016_requests_and_run_caps
\set checksum 99a8cb88fb03b8124581d746ffe422f08b2e7ce1f3518f4386cf1a70c2e60fc7
\ir apply_migration.sql
\set migration 0017_picture_changes
\set checksum a71984aaed47def82e64b73ecf0e0a690459895f2139025c0f02049b55d12d12
\ir apply_migration.sql
\set migration 0018_pictures
\set checksum 80c738357c213abfdc84e09b77fc68be8ef8d39f041b5218c89c0a172d768804
\ir apply_migration.sql
\set migration 0019_low_water
\set checksum a6f31335ef51c8d533c120f035d741f94a9321b24963eaab6258ec77295c394a
\ir apply_migration.sql
\set migration 0020_match_words
\set checksum 05b32e10d4d5f920043187f8f03e30340927ff40ccba9e4b4eedbe57f322351a
\ir apply_migration.sql
\set migration 0021_hints
\set checksum cf0fcf07c6e5630bcf226ac23e018f7989e500c2bfed68bb23a3a20973322224
\ir apply_migration.sql

-- From here on: current state, dropped and made anew as a whole.
\ir drop_code.sql
\ir functions/time/clock.sql
\ir functions/arguments/need_count.sql
\ir functions/arguments/need_time.sql
\ir functions/arguments/need_text.sql
\ir functions/arguments/need_person.sql
\ir functions/arguments/need_priority.sql
\ir functions/arguments/need_hosts.sql
\ir functions/time/tell_time.sql
\ir functions/hosts/build_source_url.sql
\ir functions/hosts/host_of_url.sql
\ir functions/hosts/slot_window.sql
\ir functions/hosts/in_flight_limit.sql
\ir functions/hosts/wake_hosts.sql
\ir functions/hosts/unpark_hosts.sql
\ir functions/hosts/heal_hosts.sql
\ir functions/hosts/settle_hosts.sql
\ir functions/hosts/pause_host.sql
\ir functions/hosts/resume_host.sql
\ir functions/hosts/set_host_limits.sql
\ir functions/hosts/take_slots.sql
\ir functions/workers/is_draining.sql
\ir functions/queue/image_addresses.sql
\ir functions/runs/count_reasons.sql
\ir functions/queue/queue_images.sql
\ir functions/queue/unqueue_images.sql
\ir functions/queue/set_priority.sql
\ir functions/queue/retry_images.sql
\ir functions/queue/fill_headers.sql
\ir functions/queue/count_in_hand.sql
\ir functions/freshness/audit_share.sql
\ir functions/queue/claim_images.sql
\ir functions/queue/get_next_processing_batch.sql
\ir functions/queue/isolate_image.sql
\ir functions/queue/extend_claims.sql
\ir functions/queue/release_images.sql
\ir functions/queue/retry_delay.sql
\ir functions/blobs/begin_blobs.sql
\ir functions/blobs/store_blobs.sql
\ir functions/blobs/refresh_renditions.sql
\ir functions/blobs/claim_renditions.sql
\ir functions/blobs/admit_outcomes.sql
\ir functions/changes/compare_pictures.sql
\ir functions/changes/compare_blobs.sql
\ir functions/changes/find_placeholder.sql
\ir functions/changes/screen_outcomes.sql
\ir functions/freshness/http_date.sql
\ir functions/freshness/spread.sql
\ir functions/freshness/check_weight.sql
\ir functions/freshness/check_value.sql
\ir functions/freshness/check_interval.sql
\ir functions/freshness/learn_change.sql
\ir functions/freshness/judge_looks.sql
\ir functions/freshness/learn_looks.sql
\ir functions/freshness/learn_validators.sql
\ir functions/freshness/suspect_neighbours.sql
\ir functions/freshness/learn_freshness.sql
\ir functions/queue/finish_images.sql
\ir functions/blobs/finish_renditions.sql
\ir functions/blobs/release_renditions.sql
\ir functions/queue/finish_image.sql
\ir functions/changes/lock_change.sql
\ir functions/changes/approve_change.sql
\ir functions/changes/reject_change.sql
\ir functions/changes/remove_placeholders.sql
\ir functions/changes/mark_placeholder.sql
\ir functions/changes/overrule_placeholder.sql
\ir functions/changes/detect_placeholders.sql
\ir functions/changes/retry_placeholders.sql
\ir functions/garbage/is_referenced.sql
\ir functions/garbage/condemn_blobs.sql
\ir functions/garbage/claim_condemned.sql
\ir functions/garbage/hold_condemned.sql
\ir functions/garbage/forget_blob.sql
\ir functions/garbage/adopt_objects.sql
\ir functions/garbage/abandon_blob.sql
\ir functions/garbage/purge_blob.sql
\ir functions/queue/requeue_expired.sql
\ir functions/runs/run_room.sql
\ir functions/queue/promote_retries.sql
\ir functions/queue/tend_queue.sql
\ir functions/queue/next_claim_at.sql
\ir functions/queue/look_at_queue.sql
\ir functions/queue/next_products.sql
\ir functions/queue/pause_queue.sql
\ir functions/queue/resume_queue.sql
\ir functions/queue/explain_wait.sql
\ir functions/queue/explain_state.sql
\ir functions/queue/explain_image.sql
\ir functions/runs/feed_runs.sql
\ir functions/freshness/news_look.sql
\ir functions/freshness/fit_supplier_rates.sql
\ir functions/freshness/find_check_price.sql
\ir functions/freshness/plan_checks.sql
\ir functions/freshness/revise_checks.sql
\ir functions/freshness/queue_checks.sql
\ir functions/freshness/note_views.sql
\ir functions/freshness/refresh_images.sql
\ir functions/freshness/prefetch_images.sql
\ir functions/runs/start_run.sql
\ir functions/runs/close_runs.sql
\ir functions/workers/register_worker.sql
\ir functions/workers/beat_worker.sql
\ir functions/workers/stop_worker.sql
\ir functions/workers/drain.sql
\ir functions/workers/prune_history.sql
\ir functions/periodic/register_periodic.sql
\ir functions/periodic/begin_periodic.sql
\ir functions/periodic/save_periodic.sql
\ir functions/periodic/end_periodic.sql
\ir functions/catalog/ensure_supplier.sql
\ir functions/hosts/follow_limits.sql
\ir functions/hosts/follow_supplier.sql
\ir functions/catalog/need_supplier_option.sql
\ir functions/catalog/save_supplier.sql
\ir functions/catalog/set_supplier_credentials.sql
\ir functions/catalog/create_dataset.sql
\ir functions/catalog/activate_dataset.sql
\ir functions/catalog/source_key.sql
\ir functions/catalog/gtin_check_digit.sql
\ir functions/catalog/refuse_gtin.sql
\ir functions/catalog/expand_upc_e.sql
\ir functions/catalog/clean_barcode.sql
\ir functions/catalog/read_gtin.sql
\ir functions/catalog/normalize_gtin.sql
\ir functions/catalog/note_gtin.sql
\ir functions/catalog/open_feed.sql
\ir functions/catalog/fold_feed.sql
\ir functions/pictures/curate_feed.sql
\ir functions/catalog/plan_feed.sql
\ir functions/catalog/lock_feed.sql
\ir functions/catalog/dataset_of_feed.sql
\ir functions/catalog/leave_runs.sql
\ir functions/catalog/remove_feed_images.sql
\ir functions/catalog/outdate_feed_images.sql
\ir functions/catalog/merge_feed_products.sql
\ir functions/catalog/merge_feed_images.sql
\ir functions/freshness/note_news.sql
\ir functions/catalog/merge_feed.sql
\ir functions/matching/match_lexicon.sql
\ir functions/matching/match_reading.sql
\ir functions/matching/plain_text.sql
\ir functions/matching/tokenize_name.sql
\ir functions/matching/tokenize_product.sql
\ir functions/matching/name_postings.sql
\ir functions/matching/index_canonical_products.sql
\ir functions/matching/fold_match_index.sql
\ir functions/matching/rebuild_match_index.sql
\ir functions/matching/token_likeness.sql
\ir functions/matching/marks_missing.sql
\ir functions/matching/suffix_differs.sql
\ir functions/matching/compare_names.sql
\ir functions/matching/name_candidates.sql
\ir functions/matching/compare_candidates.sql
\ir functions/matching/match_limit.sql
\ir functions/matching/describe_match.sql
\ir functions/matching/bare_sizes.sql
\ir functions/matching/sizes_contradict.sql
\ir functions/matching/find_candidates.sql
\ir functions/matching/score_candidates.sql
\ir functions/matching/overlap_names.sql
\ir functions/matching/names_contradict.sql
\ir functions/matching/packs_contradict.sql
\ir functions/matching/lock_matching.sql
\ir functions/matching/lock_product.sql
\ir functions/matching/lock_queue_item.sql
\ir functions/matching/lock_canonicals.sql
\ir functions/matching/is_spared.sql
\ir functions/matching/spare_images.sql
\ir functions/matching/choose_pictures.sql
\ir functions/matching/settle_pictures.sql
\ir functions/matching/heal_shared_pictures.sql
\ir functions/matching/is_generic_picture.sql
\ir functions/matching/weigh_pictures.sql
\ir functions/matching/judge_match.sql
\ir functions/matching/find_by_barcode.sql
\ir functions/matching/plan_matches.sql
\ir functions/matching/decide_barcode.sql
\ir functions/matching/create_canonicals.sql
\ir functions/matching/may_be_linked.sql
\ir functions/matching/match_products.sql
\ir functions/matching/next_unmatched.sql
\ir functions/matching/suppliers_to_match.sql
\ir functions/matching/describe_candidates.sql
\ir functions/matching/list_match_queue.sql
\ir functions/matching/write_decision.sql
\ir functions/matching/close_queue_item.sql
\ir functions/matching/reopen_queue_item.sql
\ir functions/matching/replace_candidate.sql
\ir functions/matching/link_match.sql
\ir functions/matching/accept_match.sql
\ir functions/matching/create_match.sql
\ir functions/matching/reject_match.sql
\ir functions/matching/unlink_match.sql
\ir functions/matching/merge_canonical_products.sql
\ir functions/matching/undo_link.sql
\ir functions/matching/undo_rejection.sql
\ir functions/matching/undo_unlink.sql
\ir functions/matching/undo_merge.sql
\ir functions/matching/undo_match.sql
\ir functions/pictures/lock_pictures.sql
\ir functions/pictures/arrange_images.sql
\ir functions/pictures/set_primary_image.sql
\ir functions/pictures/remove_images.sql
\ir functions/pictures/restore_image.sql
\ir functions/pictures/add_upload.sql
\ir functions/pictures/set_use_custom_image.sql
\ir functions/pictures/want_images.sql
\ir functions/display/display_presets.sql
\ir functions/display/rendition_folder.sql
\ir functions/display/rendition_url.sql
\ir functions/display/sum_up_renditions.sql
\ir functions/display/display_rows.sql
\ir functions/display/display_answer.sql
\ir functions/display/resolve_display_urls.sql
\ir functions/display/find_image.sql
\ir functions/display/find_image_by_url.sql
\ir functions/display/image_source.sql
\ir functions/display/product_progress.sql
\ir views/image_intervals.sql
\ir functions/history/resolve_display_urls_as_of.sql
\ir functions/history/plan_rollback.sql
\ir functions/history/rollback_supplier.sql
\ir functions/history/release_rollback.sql
\ir functions/cleanup/shows_for_others.sql
\ir functions/cleanup/plan_cleanup.sql
\ir functions/cleanup/cleanup_products.sql
\ir functions/cleanup/backfill_images.sql
\ir functions/webhooks/save_webhook.sql
\ir functions/webhooks/remove_webhook.sql
\ir functions/webhooks/wants_event.sql
\ir functions/webhooks/emit_event.sql
\ir functions/webhooks/claim_deliveries.sql
\ir functions/webhooks/finish_delivery.sql
\ir functions/webhooks/retry_deliveries.sql
\ir functions/alerts/set_alert.sql
\ir functions/alerts/measure_storage.sql
\ir functions/alerts/note_storage.sql
\ir functions/access/find_service_key.sql
\ir functions/access/create_service_key.sql
\ir functions/access/revoke_service_key.sql
\ir functions/access/take_permit.sql
\ir functions/access/forget_permits.sql
\ir functions/access/add_user_images.sql
\ir functions/access/list_user_images.sql
\ir triggers/canonical_products__index_names.sql
\ir triggers/blobs__sum_up.sql
\ir triggers/images__check_move.sql
\ir triggers/images__queue_new.sql
\ir triggers/images__remember_move.sql
\ir triggers/images__remember_removal.sql
\ir triggers/images__end_check.sql
\ir triggers/products__follow_status.sql
\ir triggers/products__share_pictures.sql
\ir triggers/products__leave_pictures.sql
\ir triggers/match_log__append_only.sql
\ir views/supplier_products.sql
\ir views/product_images.sql
\ir views/queue_status.sql
\ir views/queue_stuck.sql
\ir views/host_health.sql
\ir views/host_backlog.sql
\ir views/failures_by_reason.sql
\ir views/run_status.sql
\ir views/throughput.sql
\ir views/eta.sql
\ir views/claims.sql
\ir views/worker_status.sql
\ir views/rendition_backlog.sql
\ir views/garbage_backlog.sql
\ir views/freshness_status.sql
\ir views/supplier_freshness.sql
\ir views/pending_changes.sql
\ir views/placeholder_pictures.sql
\ir views/periodic_work.sql
\ir views/queue_counts.sql
\ir views/webhook_status.sql
\ir views/alert_measures.sql
\ir views/alert_status.sql
\ir views/alerts.sql
\ir functions/alerts/watch_alerts.sql
\ir views/service_key_status.sql
\ir views/match_status.sql
\ir views/match_quality.sql
\ir views/picture_sharing.sql
\ir views/barcode_quality.sql
\ir views/doubtful_links.sql
\ir checks/check_match_index_behind.sql
\ir checks/check_claims_overdue.sql
\ir checks/check_blobs_stuck_storing.sql
\ir checks/check_completed_without_bytes.sql
\ir checks/check_pending_with_bytes.sql
\ir checks/check_history_disagrees.sql
\ir checks/check_hosts_parked_wrongly.sql
\ir checks/check_match_decisions.sql
\ir checks/check_shared_pictures.sql
\ir grants.sql

-- Migration: 005_backup_verification
-- Takes it back: the list of backups and their manifests are lost, the backups are not.

drop function monitoring.verify_backup_integrity();
drop function monitoring.record_backup_manifest(bigint);
drop function app_private.count_rows(regclass, bigint);
drop view app_private.last_changes;
drop table monitoring.backup_manifests;
drop table monitoring.backup_runs;

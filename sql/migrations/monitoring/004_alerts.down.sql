-- Takes 004_alerts.sql back; the history of alerts is lost.

drop table monitoring.alerts;

delete from monitoring.reports
where kind = 'alerts';

alter table monitoring.reports
    drop constraint reports_kind_check;
alter table monitoring.reports
    add constraint reports_kind_check
        check (kind in ('samples', 'findings', 'advice', 'rls_observations'));

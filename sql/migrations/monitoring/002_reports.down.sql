-- Takes 002_reports.sql back; the stored history is lost, the daemon writes anew.

drop table monitoring.rls_observations;
drop table monitoring.advice;
drop table monitoring.findings;
drop table monitoring.samples;
drop table monitoring.reports;

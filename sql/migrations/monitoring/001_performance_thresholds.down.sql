-- Takes 001_performance_thresholds.sql back; edited thresholds are lost.

drop table monitoring.performance_thresholds;
drop function monitoring.note_threshold_edit();

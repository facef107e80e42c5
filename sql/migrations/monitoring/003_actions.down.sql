-- Takes 003_actions.sql back; stored ways back of former actions are lost.

drop table monitoring.actions;

-- This version only adds tables; git keeps no folder without a file.
FROM runs;

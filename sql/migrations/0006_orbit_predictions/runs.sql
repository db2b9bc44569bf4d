-- This version only adds a table; git keeps no folder without a file.
FROM runs;

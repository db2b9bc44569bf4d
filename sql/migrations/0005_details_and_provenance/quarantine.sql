-- The tables of feature details are new and begin empty; no other table changes.
SELECT * FROM quarantine;

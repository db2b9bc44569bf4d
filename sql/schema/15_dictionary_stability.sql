-- Whether dictionaries that differ only in their random seed learn the same features.

CREATE TABLE IF NOT EXISTS dictionary_stability (
    dictionary_id     VARCHAR NOT NULL REFERENCES dictionaries (dictionary_id),
    replica_id        VARCHAR NOT NULL,
    replica_seed      INTEGER NOT NULL,
    stability         DOUBLE NOT NULL,
    stability_random  DOUBLE NOT NULL,
    PRIMARY KEY (dictionary_id, replica_id)
);
COMMENT ON TABLE dictionary_stability IS 'one row per (dictionary_id, replica_id): how well the features of a dictionary match those of one trained from another seed';
COMMENT ON COLUMN dictionary_stability.dictionary_id IS 'content key of the dictionary; refers to dictionaries';
COMMENT ON COLUMN dictionary_stability.replica_id IS 'content key of the dictionary with the same settings but another seed; it need not be in the table dictionaries';
COMMENT ON COLUMN dictionary_stability.replica_seed IS 'training seed of the replica';
COMMENT ON COLUMN dictionary_stability.stability IS 'mean cosine of features matched one to one, -1 to 1; only features that fire on the test split are matched';
COMMENT ON COLUMN dictionary_stability.stability_random IS 'the same against random vectors, as a baseline';

SELECT
    dictionary AS dictionary_id,
    feature,
    atom_dimension,
    density,
    mean_activation,
    max_activation,
    dead
FROM features;

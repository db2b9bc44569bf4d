-- A warehouse small enough to know every answer by heart: D_2 (elements 0: identity, 1: 180 degrees, 2: mirror, 3: mirror then 180 degrees),
-- an SAE of two features and a group crosscoder of four, the last of them dead.
INSERT INTO networks VALUES ('net', 'w', 224, 10);
INSERT INTO layers VALUES ('net', 'early', 3, 7, 2, -2, -1.2, 0.3, 0.1, 0.2, 1.5, 1.6);
INSERT INTO images VALUES ('i1', 'folder', 'one.png', 10, 20, 'zebra'), ('i2', 'folder', 'two.png', 30, 40, NULL), ('i3', 'folder', 'unused.png', 5, 5, NULL);
INSERT INTO activation_sets VALUES ('set', 'net', 'early', 'rotations', 2, true, NULL, NULL, 4, 10, 'uniform', 7, -1, 0, '{}');
INSERT INTO quarantine VALUES ('set', 'b.jpg', 'truncated'), ('set', 'a.jpg', 'truncated'), ('set', 'c.txt', 'not an image');
INSERT INTO shards VALUES ('set', 0, 'train', 6, 600, 's0'), ('set', 1, 'train', 2, 200, 's1'), ('set', 2, 'test', 2, 200, 's2');
INSERT INTO dictionaries VALUES
    ('sae', 'set', 'sae', 'topk', 2, 3, 1, 1, NULL, NULL, 100, 1000, 0, 2.0, '{}'),
    ('cross', 'set', 'group-crosscoder', 'topk', 4, 3, 2, 4, 'identity', true, 100, 1000, 0, 4.0, '{}');
INSERT INTO dictionary_metrics VALUES
    ('sae', 'fvu', 0.2), ('sae', 'l0', 0.9), ('sae', 'dead_fraction', 0), ('sae', 'cosine', 0.9), ('sae', 'rows', 8),
    ('cross', 'fvu', 0.3), ('cross', 'l0', 1.5), ('cross', 'dead_fraction', 0.25), ('cross', 'cosine', 0.8), ('cross', 'rows', 8);
INSERT INTO dictionary_stability VALUES ('cross', 'replica 1', 1, 0.75, 0.1), ('cross', 'replica 2', 2, 0.65, 0.1);
INSERT INTO block_metrics VALUES ('sae', 0, 0.2), ('cross', 0, 0.25), ('cross', 1, 0.3), ('cross', 2, 0.45), ('cross', 3, 0.35);
INSERT INTO orbit_predictions VALUES
    ('cross', 'linear', 0, 0, 0, 1), ('cross', 'linear', 0, 1, 0.4, 1), ('cross', 'linear', 0, 2, 0.6, 3), ('cross', 'linear', 0, 3, 0.6, 1),
    ('cross', 'nonlinear', 50, 0, 0.1, 1), ('cross', 'nonlinear', 50, 1, 0.4, 1), ('cross', 'nonlinear', 50, 2, 0.5, 3), ('cross', 'nonlinear', 50, 3, 0.6, 1),
    ('cross', 'nonlinear', 99, 0, 0, 1), ('cross', 'nonlinear', 99, 1, 0.3, 1), ('cross', 'nonlinear', 99, 2, 0.5, 3), ('cross', 'nonlinear', 99, 3, 0.6, 1),
    ('cross', 'generators', 300, 0, 0, 1), ('cross', 'generators', 300, 1, 0.5, 1), ('cross', 'generators', 300, 2, 0.7, 3), ('cross', 'generators', 300, 3, 0.8, 1),
    ('cross', 'orbit-linear', 0, 0, 0.3, 1), ('cross', 'orbit-linear', 0, 1, 0.3, 1), ('cross', 'orbit-linear', 0, 2, 0.3, 3), ('cross', 'orbit-linear', 0, 3, 0.3, 1),
    ('cross', 'matching-pursuit', 0, 0, 0.2, 2), ('cross', 'matching-pursuit', 0, 1, 0.1, 2), ('cross', 'matching-pursuit', 0, 2, 0.2, 2), ('cross', 'matching-pursuit', 0, 3, 0.1, 2);
INSERT INTO benchmarks VALUES
    ('probes', 40, 30, 3, 'patterns', 25, 'other', '{"seed": 1}'), ('photographs', 1000, 900, 2, '', 0, 'other', '{"seed": 0}');
INSERT INTO benchmarked_dictionaries VALUES
    ('probes', 'sae', 'set', 'sae', 'topk', 2, 0, 0.9, 0, '{"k": 1}'), ('probes', 'sae again', 'set', 'sae', 'topk', 2, 1, 1.1, 1, '{"k": 1}'),
    ('probes', 'sparser', 'set', 'sae', 'relu', 2, 0, 0.5, 0, '{"sparsity": 2}'), ('photographs', 'sae', 'set', 'sae', 'topk', 2, 0, 0.8, 0, '{"k": 1}');
INSERT INTO benchmark_scores VALUES
    ('probes', 'sae', 'fvu', 0.2, 80, false), ('probes', 'sae again', 'fvu', 0.4, 80, false), ('probes', 'sparser', 'fvu', 0.1, 80, false),
    ('probes', 'sae', 'localisation', 0.5, 2, true), ('probes', 'sae again', 'localisation', 0.7, 1, true),
    ('photographs', 'sae', 'fvu', 0.25, 2000, false);
INSERT INTO training_steps VALUES ('sae', 0, 'loss', 4), ('sae', 50, 'loss', 1.5), ('sae', 100, 'loss', 1), ('sae', 100, 'fvu', 0.25);
INSERT INTO features VALUES
    ('sae', 0, 1, 0.5, 1, 3, false), ('sae', 1, 1, 0.02, 2, 4, false),
    ('cross', 0, 1, 0.5, 1, 3, false), ('cross', 1, 1, 0.4, 1, 2, false), ('cross', 2, 1, 0.01, 1, 2, false),
    ('cross', 3, 1, 0, 0, 0, true);
INSERT INTO feature_examples VALUES
    ('sae', 0, 1, 'i1', 1, 1, 0, 3, 'p'), ('sae', 1, 1, 'i1', 1, 1, 0, 4, 'p'),
    ('cross', 0, 1, 'i2', 1, 1, 0, 3, 'p'), ('cross', 0, 2, 'i1', 1, 1, 3, 2, 'p'), ('cross', 0, 3, 'i1', 2, 2, 1, 1, 'p');
INSERT INTO feature_neighbours VALUES ('cross', 0, 1, 1, 0.9), ('cross', 0, 2, 2, 0.1), ('cross', 1, 1, 0, 0.9), ('cross', 2, 1, 1, 0.3);
INSERT INTO transform_blocks VALUES
    ('cross', 0, 0, 0, false, NULL, 2, 1), ('cross', 0, 1, 180, false, NULL, 1, -0.5), ('cross', 0, 2, 0, true, NULL, 2, 0.2), ('cross', 0, 3, 180, true, NULL, 2, 0.98),
    ('cross', 1, 0, 0, false, NULL, 1, 1), ('cross', 1, 1, 180, false, NULL, 1, 0.99), ('cross', 1, 2, 0, true, NULL, 1, 0.99), ('cross', 1, 3, 180, true, NULL, 1, 0.97),
    ('cross', 2, 0, 0, false, NULL, 0, 1), ('cross', 2, 1, 180, false, NULL, 1, 0.1), ('cross', 2, 2, 0, true, NULL, 1, 0.3), ('cross', 2, 3, 180, true, NULL, 1, 0.2);
INSERT INTO feature_harmonics VALUES ('cross', 0, 0, 0.25), ('cross', 0, 1, 0.75), ('cross', 1, 0, 1), ('cross', 1, 1, 0), ('cross', 2, 0, 0.35), ('cross', 2, 1, 0.65);
INSERT INTO feature_symmetry VALUES
    ('cross', 0, 'period-360', 360, 0.9, 1, 0.42, 0.98, 3, 'D_1', 2, [0], NULL),
    ('cross', 1, 'invariant', NULL, 0.8, 0, 0.99, 0.99, 2, 'full', 4, [0, 90], NULL),
    ('cross', 2, 'period-360', 360, 0.5, 1, 0.4, 0.3, 2, 'trivial', 1, [], NULL);
-- Two of the layer's three neurons detect curves, at 0 and 90 degrees; the SAE's features at 80 and 200, the latter missing among the neurons.
INSERT INTO unit_sets VALUES
    ('neurons', 'net', 'early', 'neurons', NULL, 'set', 90, 100, 3), ('features', 'net', 'early', 'features', 'sae', 'set', 90, 100, 2),
    ('cross features', 'net', 'early', 'features', 'cross', 'set', 90, 100, 4);
INSERT INTO unit_tuning VALUES
    ('neurons', 0, 'curve', 0.5, 4, 4, 5, 0, 100, 0, 0.9, 0.5, 0.1, 5, true), ('neurons', 1, 'curve', 0.5, 4, 4, 5, 90, 80, 0, 0.9, 0.5, 0.1, 5, true),
    ('neurons', 2, 'edge', 0.5, 4, 3, 5, 10, 90, 0.5, 0.3, 0.5, 0.9, 2, false),
    ('features', 0, 'curve', 0.5, 4, 4, 5, 80, 60, 0, 0.9, 0.5, 0.1, 5, true), ('features', 1, 'curve', 0.5, 4, 4, 5, 200, 60, 0.1, 0.8, 0.5, 0.1, 5, true);
INSERT INTO tuning_curves VALUES
    ('neurons', 0, 'arc', 0, 4), ('neurons', 0, 'arc', 90, 2), ('neurons', 0, 'arc', 180, 0), ('neurons', 0, 'arc', 270, 1),
    ('neurons', 0, 'arc dark line', 180, 9),
    ('neurons', 1, 'arc', 0, 0), ('neurons', 1, 'arc', 90, 1), ('neurons', 1, 'arc', 180, 0.4), ('neurons', 1, 'arc', 270, 0),
    ('neurons', 2, 'arc', 0, 1), ('neurons', 2, 'arc', 90, 1), ('neurons', 2, 'arc', 180, 1), ('neurons', 2, 'arc', 270, 1),
    ('features', 0, 'arc', 0, 0), ('features', 0, 'arc', 90, 1), ('features', 0, 'arc', 180, 0), ('features', 0, 'arc', 270, 0),
    ('features', 1, 'arc', 0, 0), ('features', 1, 'arc', 90, 0), ('features', 1, 'arc', 180, 5), ('features', 1, 'arc', 270, 3);
INSERT INTO curve_detectors VALUES
    ('neurons', 0, '20 px, any', 20, 'any', 0.8, NULL, NULL, NULL, NULL, NULL), ('neurons', 1, '20 px, any', 20, 'any', NULL, NULL, NULL, NULL, NULL, NULL),
    ('features', 0, '20 px, any', 20, 'any', 0.9, 1, 10, false, false, false),
    ('features', 1, '12 px, dark line', 12, 'dark line', 0.75, 1, 110, true, true, true);
-- Neuron 0 is made of two types; 1 of one, of what may be any, and of a second that never leads; 2 is silent.
INSERT INTO unit_tuning VALUES
    ('cross features', 0, 'grating', 0.5, 4, 4, 5, 84, 60, 0, 0.9, 0.5, 0.1, 4, false),
    ('cross features', 1, 'colour', 0.5, 4, 4, 5, NULL, NULL, NULL, NULL, NULL, NULL, 0, false),
    ('cross features', 2, 'mixed', 0.05, 4, 4, 5, 10, 60, 0, 0.9, 0.5, 0.1, 4, false);
INSERT INTO neurons VALUES
    ('cross', 0, 9, 0.4, 50, 0.8, 1.1, 0.2, 0.1), ('cross', 1, 8, 0.3, 50, 0.9, 1, 0, 0), ('cross', 2, 0, 0, 0, NULL, NULL, NULL, NULL);
INSERT INTO neuron_features VALUES
    ('cross', 0, 1, 1, 0.5, 30), ('cross', 0, 2, 0, 0.25, 15), ('cross', 0, 3, 2, 0.05, 5),
    ('cross', 1, 1, 0, 0.5, 40), ('cross', 1, 2, 2, 0.3, 10), ('cross', 1, 3, 1, 0.15, 0);
INSERT INTO neuron_examples VALUES ('cross', 0, 1, 1, 'i1', 1, 1, 9, 'p');
-- Under D_2 features 0 and 2 of the crosscoder are a family of curves, 1 alone one of discs; under C_2 all three are one, and the
-- second wants two members more. The SAE's two are a family without orientations.
INSERT INTO family_analyses VALUES
    ('kin', 'cross', 2, true, 4, 2, 1, 0.3, 0, 3, 2), ('turned', 'cross', 2, false, 2, 2, 3, 0.4, 0, 3, 1), ('plain', 'sae', 1, false, 1, 2, 2, 0.5, 0, 2, 1);
INSERT INTO family_shapes VALUES
    ('kin', 0, 2, 0, 'period-360', 360, 'D_1', 0.9, 60, 0.8, 0.75, 1, [90], [1, -0.5], [1, -0.7], [1, -0.3]),
    ('kin', 1, 1, 1, 'invariant', NULL, 'full', 1, NULL, NULL, NULL, NULL, NULL, [1, 0.99], [1, 0.99], [1, 0.99]),
    ('turned', 0, 3, 0, 'period-360', 360, 'trivial', 0.8, 60, 0.8, 0.75, 2, [90, 270], [1, 0.5], [1, 0.4], [1, 0.6]),
    ('plain', 0, 2, 1, NULL, NULL, NULL, 0.7, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO feature_families VALUES
    ('kin', 0, 0, 0.9, 0, 0, false, 1, 0, 0, 'curve', 0.5), ('kin', 2, 0, 0.7, 3, 180, true, 0.8, 0, 1, 'curve', 0.4),
    ('kin', 1, 1, 1, 0, NULL, false, 1, 1, 1, 'centre-surround', 0.6),
    ('turned', 0, 0, 1, 0, 0, false, 1, 0, 0, 'curve', 0.5), ('turned', 1, 0, 1, 1, 180, false, 0.7, 0, 1, 'centre-surround', 0.6),
    ('turned', 2, 0, 1, 1, 180, false, 0.7, 1, 1, 'curve', 0.4),
    ('plain', 0, 0, 1, 0, NULL, false, 0.4, 0, 0, 'line', 0.5), ('plain', 1, 0, 1, 0, NULL, false, 1, 0, 1, 'curve', 0.5);
INSERT INTO family_pairs VALUES
    ('kin', 0, 2, 3, 0.8, 8, 0.75, 0.25), ('kin', 2, 0, 3, 0.8, 0, NULL, NULL),
    ('turned', 0, 1, 1, 0.7, 8, 0.5, 0.25), ('turned', 1, 0, 1, 0.7, 8, 0, 0);
INSERT INTO family_scores VALUES
    ('kin', 'features', 0, 'purity', 0.7), ('kin', 'features', 1, 'purity', 0.8), ('kin', 'features', 2, 'purity', 0.9),
    ('kin', 'shuffled blocks', 0, 'purity', 0.4), ('plain', 'features', 0, 'purity', 0.5), ('plain', 'features', 1, 'purity', 0.6),
    ('kin', 'features', 0, 'adjusted_rand', 0.3);
-- Two dimensions by PCA under two seeds, beside two neurons and two random directions, these under two seeds also; the best of three
-- random directions are another matter, and one part of the SAE's features has no control.
INSERT INTO dimension_analyses VALUES
    ('axes', 'set', NULL, 'pca', 'patches', 2, 0, 32, 3, 0, [1, 2, 3]), ('axes again', 'set', NULL, 'pca', 'patches', 2, 1, 32, 3, 0, [1, 2, 3]),
    ('units', 'set', NULL, 'neurons', 'patches', 2, 0, 32, 3, 0, [1, 2, 3]), ('dice', 'set', NULL, 'random', 'patches', 2, 0, 32, 3, 0, [1, 2, 3]),
    ('dice again', 'set', NULL, 'random', 'patches', 2, 1, 32, 3, 0, [1, 2, 3]), ('more dice', 'set', NULL, 'random', 'patches', 3, 0, 32, 3, 0, [1, 2, 3]),
    ('part', 'set', 'sae', 'nmf', 'gratings', 1, 0, 50, 2, 0, [1, 2]);
INSERT INTO tuning_dimensions VALUES
    ('axes', 0, 0.5, 0.5, -2, 2, [1, 0, 0]), ('axes', 1, 0.25, 0.75, -2, 2, [0, 1, 0]),
    ('axes again', 0, 0.5, 0.5, -2, 2, [1, 0, 0]), ('axes again', 1, 0.125, 0.625, -2, 2, [0, 1, 0]),
    ('units', 0, 0.375, 0.375, -2, 2, [1, 0, 0]), ('units', 1, 0.25, 0.625, -2, 2, [0, 1, 0]),
    ('dice', 0, 0.125, 0.125, -2, 2, [1, 0, 0]), ('dice', 1, 0.125, 0.25, -2, 2, [0, 1, 0]),
    ('dice again', 0, 0.375, 0.375, -2, 2, [1, 0, 0]), ('dice again', 1, 0.125, 0.5, -2, 2, [0, 1, 0]),
    ('more dice', 0, 0.875, 0.875, -2, 2, [1, 0, 0]), ('more dice', 1, 0.125, 1, -2, 2, [0, 1, 0]), ('more dice', 2, 0, 1, -2, 2, [0, 0, 1]),
    ('part', 0, 0.875, 0.875, -1, 3, [1, 1]);
INSERT INTO tuning_scores VALUES
    ('axes', 0, 'orientation', 0.9, 0.3, 0.01, 45, true), ('axes', 0, 'frequency', 0.1, 0.25, 0.9, NULL, false),
    ('axes', 1, 'orientation', 0.2, 0.3, 0.5, 10, false), ('axes', 1, 'frequency', 0.6, 0.25, 0.02, NULL, true),
    ('axes again', 0, 'orientation', 0.7, 0.3, 0.04, 45, true), ('axes again', 0, 'frequency', 0.05, 0.25, 0.9, NULL, false),
    ('axes again', 1, 'orientation', 0.8, 0.3, 0.02, 10, false), ('axes again', 1, 'frequency', 0.6, 0.25, 0.02, NULL, true),
    ('units', 0, 'orientation', 0.25, 0.3, 0.2, 45, true), ('units', 0, 'frequency', 0.1, 0.25, 0.9, NULL, false),
    ('units', 1, 'orientation', 0.1, 0.3, 0.9, 10, false), ('units', 1, 'frequency', 0.9, 0.25, 0.01, NULL, true),
    ('more dice', 2, 'orientation', 0.05, 0.3, 0.9, 90, false), ('more dice', 2, 'frequency', 0.05, 0.25, 0.9, NULL, false),
    ('part', 0, 'orientation', 0.5, 0.3, 0.01, 30, true), ('part', 0, 'frequency', 0.1, 0.25, 0.9, NULL, false);
INSERT INTO dimension_paths VALUES
    ('axes', 0, 'orientation', true, 0.75, 0.8), ('axes', 0, 'frequency', false, -0.25, 0.2),
    ('axes', 1, 'orientation', false, 0.1, 0.6), ('axes', 1, 'frequency', true, 0.5, 0.4),
    ('axes again', 0, 'orientation', true, 0.25, 0.8), ('axes again', 0, 'frequency', false, 0.25, 0.1),
    ('more dice', 2, 'orientation', false, 0.1, 0.35), ('more dice', 2, 'frequency', false, 0.1, 0.3);
INSERT INTO dimension_harmonics VALUES
    ('axes', 0, 'A1', 0, 0.2), ('axes', 0, 'A2', 0, 0.05), ('axes', 0, 'B', 1, 0.75), ('axes', 1, 'A1', 0, 0.6), ('axes', 1, 'A2', 0, 0.1), ('axes', 1, 'B', 1, 0.3),
    ('units', 0, 'A1', 0, 0.5), ('units', 0, 'A2', 0, 0.3), ('units', 0, 'B', 1, 0.2), ('units', 1, 'A1', 0, 0.25), ('units', 1, 'A2', 0, 0.75), ('units', 1, 'B', 1, 0),
    ('dice', 0, 'A1', 0, 0.5), ('dice', 0, 'A2', 0, 0), ('dice', 0, 'B', 1, 0.5), ('part', 0, 'A1', 0, 0.875), ('part', 0, 'A2', 0, 0), ('part', 0, 'B', 1, 0.125);
INSERT INTO dimension_completeness VALUES
    ('axes', 1, 8, 4, 0.5, 0.75, 1, 0.5, 0.75), ('axes again', 1, 4, 0, 0.5, 0.5, NULL, NULL, NULL), ('units', 1, 8, 4, 0.25, 0.875, 1, 0.25, 1),
    ('dice', 1, 8, 4, 0.125, 1, 1, 0, 1), ('dice again', 1, 8, 4, 0.375, 0.5, 1, 0.5, 0.5), ('more dice', 1, 8, 4, 1, 0, 1, 1, 0);
-- Feature 0 of the crosscoder fires on 20 of 40 rows, most of them weakly; it is the SAE's feature 1 again and, with another seed, feature 3
-- of a replica; only that of the SAE goes both ways.
INSERT INTO activation_histograms VALUES
    ('cross', 0, 0, 1, 1.189207115002721, 12), ('cross', 0, 4, 2, 2.378414230005442, 6), ('cross', 0, 6, 2.82842712474619, 3.363585661014858, 2),
    ('cross', 1, 0, 1, 1.189207115002721, 16);
INSERT INTO quantile_examples VALUES ('cross', 0, 0.1, 'i1', 3, 4, 0, 1.1, 'p'), ('cross', 0, 0.7, 'i2', 5, 6, 2, 2.25, 'p');
INSERT INTO feature_neurons VALUES
    ('cross', 0, 1, 1, -2, 0.8), ('cross', 0, 2, 0, 1, 0.2), ('cross', 1, 1, 0, 3, 1), ('cross', 2, 1, 2, 1, 1), ('sae', 0, 1, 0, 1, 1);
INSERT INTO matched_dictionaries VALUES
    ('cross', 'sae', 'set', 'sae', 'topk', 2, 1, 0, false), ('cross', 'replica0000', 'set', 'group-crosscoder', 'topk', 4, 2, 1, true),
    ('sae', 'cross', 'set', 'group-crosscoder', 'topk', 4, 2, 0, false);
INSERT INTO feature_matches VALUES
    ('cross', 0, 'sae', 1, 0.9), ('cross', 1, 'sae', 1, 0.3), ('cross', 2, 'sae', 0, 0.5), ('cross', 0, 'replica0000', 3, 0.7),
    ('sae', 0, 'cross', 1, 0.4), ('sae', 1, 'cross', 0, 0.9);
INSERT INTO image_frames VALUES ('set', 'i1', 224, 0, 'f'), ('set', 'i2', 200, 12, 'f');
INSERT INTO feature_heat_maps VALUES ('cross', 0, 1, 28, 28, 4, 5, 8, 2.5, 'm'), ('cross', 0, 2, 28, 28, 4, 5, 8, 0, 'm');
INSERT INTO feature_logit_effects VALUES
    ('cross', 0, 'lowered', 1, 5, 'tabby', -2, 0.5, 2), ('cross', 0, 'lowered', 2, 6, 'tiger cat', -1, 0.25, 2), ('cross', 0, 'raised', 1, 7, 'collie', 0.5, NULL, 1);
-- Drawn stripes matter for cats and dots speak against them; for dogs stripes are just not significant, and attacked ones are as chance.
INSERT INTO concepts VALUES
    ('striped', 'stripes', 'concept', 'drawn', 8, 0), ('dotted', 'dots', 'concept', 'folder', 8, 1), ('pushed', 'stripes', 'concept', 'attacked', 8, 0),
    ('cats', 'tabby', 'class', 'folder', 4, 0), ('dogs', 'collie', 'class', 'folder', 4, 2);
INSERT INTO concept_exemplars
SELECT concept_id, place, concept_id || place, name, 'picture'::BLOB
FROM (VALUES
    ('cats', ['felix.png@224+0+0', 'felix.png@224+56+0', 'tom@home.jpg', 'felix.png@112+0+112']), ('dogs', ['a.jpg', 'b.jpg', 'c.jpg', 'd.jpg'])
) AS images (concept_id, names), unnest(names) WITH ORDINALITY AS named (name, number), (SELECT number - 1 AS place);
INSERT INTO concept_analyses VALUES ('asked', 'net', 'logistic', 'mean', 0.01, 0.25, 0, 4);
INSERT INTO tcav_tests VALUES
    ('asked', 'striped', 'early', 'cats', 1, 'tabby', 10, 0.75, 0.1, 0.7, 0.5, 0.2, 0.9, 0.8, 0.001, 0.004),
    ('asked', 'dotted', 'early', 'cats', 1, 'tabby', 10, 0.1, 0.2, 0.2, 0.5, 0.2, 0.8, 0.6, 0.002, 0.006),
    ('asked', 'striped', 'early', 'dogs', 2, 'collie', 4, 0.95, 0.2, 0.9, 0.5, 0.2, 0.9, 0.8, 0.025, 0.05),
    ('asked', 'pushed', 'early', 'dogs', 2, 'collie', 4, 0.5, 0, 0.5, 0.5, 0, 0.7, 0.4, 1, 1);
-- The striped stop mattering for cats once all of them are pushed by 8, there and at late, not in the other net, nor by half of them or
-- noise; dots come to matter for dogs by a class gradient and by noise alike.
INSERT INTO networks VALUES ('other', 'o', 224, 10);
INSERT INTO layers (network, layer, channels, receptive_field, stride, offset_px) VALUES ('net', 'late', 5, 15, 4, -6), ('other', 'mid', 4, 11, 4, -4);
INSERT INTO concepts VALUES
    ('half', 'stripes-token-pushing-8-0.5', 'concept', 'attacked', 8, 0), ('noisy half', 'stripes-noise-8-0.5', 'concept', 'attacked', 8, 0),
    ('noisy', 'stripes-noise-8-1', 'concept', 'folder', 8, 0), ('steep', 'dots-class-gradient-4-1', 'concept', 'attacked', 8, 0),
    ('dusty', 'dots-noise-4-1', 'concept', 'attacked', 8, 0), ('found', 'stripes', 'concept', 'folder', 8, 0);
INSERT INTO attack_experiments VALUES
    ('away', 'net', 'early', 'negative', 'striped', 'cats', 'tabby', 10, 'logistic', 'mean', 20, 0, 9),
    ('to dogs', 'net', 'early', 'positive', 'dotted', 'dogs', 'collie', 4, 'logistic', 'mean', 20, 0, 3);
INSERT INTO attacks VALUES
    ('away', 'concept', 'clean', 0, 0, 'striped', NULL, 8, 0, 0, NULL, 0),
    ('away', 'concept', 'token-pushing', 8, 0.5, 'half', 'p', 8, 4, 8, 34, 0.2), ('away', 'concept', 'token-pushing', 8, 1, 'pushed', 'p', 8, 8, 8, 33, 0.25),
    ('away', 'concept', 'noise', 8, 0.5, 'noisy half', 'n', 8, 4, 8, 30.5, 0.1), ('away', 'concept', 'noise', 8, 1, 'noisy', 'n', 8, 8, 8, 30.5, 0.125),
    ('to dogs', 'concept', 'clean', 0, 0, 'dotted', NULL, 8, 0, 0, NULL, 0),
    ('to dogs', 'concept', 'class-gradient', 4, 1, 'steep', 'g', 8, 8, 4, 38, 0.2), ('to dogs', 'concept', 'noise', 4, 1, 'dusty', 'd', 8, 8, 4, 37, 0.1),
    ('to dogs', 'concept', 'token-pushing', 4, 1, 'dotted', 'g', 8, 0, 0, NULL, 0), ('to dogs', 'concept', 'cav', 16, 1, 'pushed', 'g', 8, 8, 16, 33, 0.25);
INSERT INTO attack_scores VALUES
    ('away', 'concept', 'clean', 0, 0, 'net', 'early', 1, 0.75, 0.1, 0.7, 0.5, 0.2, 0.9, 1, 0.001, 0.009),
    ('away', 'concept', 'token-pushing', 8, 0.5, 'net', 'early', 1, 0.7, 0.1, 0.6, 0.5, 0.2, 0.8, 0.7, 0.002, 0.014),
    ('away', 'concept', 'token-pushing', 8, 1, 'net', 'early', 1, 0.25, 0.1, 0.3, 0.5, 0.2, 0.95, 0.1, 0.003, 0.018),
    ('away', 'concept', 'noise', 8, 0.5, 'net', 'early', 1, 0.75, 0.1, 0.7, 0.5, 0.2, 0.9, 0.98, 0.001, 0.009),
    ('away', 'concept', 'noise', 8, 1, 'net', 'early', 1, 0.8, 0.1, 0.7, 0.5, 0.2, 0.9, 0.97, 0.001, 0.009),
    ('away', 'concept', 'clean', 0, 0, 'net', 'late', 1, 0.9, 0.1, 0.7, 0.5, 0.2, 0.9, 1, 0.001, 0.009),
    ('away', 'concept', 'token-pushing', 8, 1, 'net', 'late', 1, 0.6, 0.1, 0.3, 0.5, 0.2, 0.95, 0.4, 0.2, 0.4),
    ('away', 'concept', 'clean', 0, 0, 'other', 'mid', 3, 0.5, 0.1, 0.7, 0.5, 0.2, 0.9, 1, 0.9, 0.9),
    ('away', 'concept', 'token-pushing', 8, 1, 'other', 'mid', 3, 0.5, 0.1, 0.3, 0.5, 0.2, 0.9, 0.9, 0.8, 0.9),
    ('to dogs', 'concept', 'clean', 0, 0, 'net', 'early', 2, 0.1, 0.2, 0.2, 0.5, 0.2, 0.8, 1, 0.01, 0.02),
    ('to dogs', 'concept', 'class-gradient', 4, 1, 'net', 'early', 2, 0.95, 0.2, 0.9, 0.5, 0.2, 0.9, -0.2, 0.001, 0.003),
    ('to dogs', 'concept', 'noise', 4, 1, 'net', 'early', 2, 0.9, 0.2, 0.9, 0.5, 0.2, 0.9, 0.3, 0.02, 0.02);
INSERT INTO attack_features VALUES
    ('away', 'concept', 'clean', 0, 0, 'sae', 'rare', 0.125, 0.1, 0.25, 0.5), ('away', 'concept', 'token-pushing', 8, 1, 'sae', 'rare', 0.5, 0.1, 0.875, 0.9),
    ('away', 'concept', 'token-pushing', 8, 1, 'sae', 'fvu', 0.3, 0.2, 0, 0.6), ('away', 'concept', 'clean', 0, 0, 'sae', 'fvu', 0.2, 0.2, 0.125, 0.5);
-- Under stripes a unit's picture shows them, until they are pushed away or to dots.
INSERT INTO facet_analyses VALUES ('unit', 'net', 'late', 2, 'late 2', 'early', 1, 4, 20, 0);
INSERT INTO facet_pictures VALUES
    ('unit', 0, 'plain', NULL, NULL, NULL, NULL, NULL, 'p'), ('unit', 1, 'clean', 'striped', NULL, 'striped', 0.9, 1, 'p'),
    ('unit', 2, 'clean', 'dotted', NULL, 'dotted', 0.8, 1, 'p'), ('unit', 3, 'noise', 'striped', NULL, 'noisy', 0.9, 0.95, 'p'),
    ('unit', 4, 'negative', 'striped', NULL, 'half', 1, -0.25, 'p'), ('unit', 5, 'positive', 'striped', 'dotted', 'pushed', 1, -0.5, 'p');
INSERT INTO facet_readings VALUES
    ('unit', 0, 'striped', 0.5), ('unit', 0, 'dotted', 0.25), ('unit', 1, 'striped', 3), ('unit', 1, 'dotted', -1), ('unit', 2, 'striped', -2),
    ('unit', 2, 'dotted', 4), ('unit', 3, 'striped', 2.5), ('unit', 3, 'dotted', -0.5), ('unit', 4, 'striped', 1), ('unit', 4, 'dotted', 0),
    ('unit', 5, 'striped', -3), ('unit', 5, 'dotted', 2);
-- What was pushed is found out, and noise that was met as a folder, but clean dots are accused beside other random sets.
INSERT INTO trust_analyses VALUES ('checks', 'net', 'early', 3, 0), ('more checks', 'net', 'early', 3, 40);
INSERT INTO trust_checks VALUES
    ('checks', 'striped', 'CAV shift after JPEG', 0.01, 0.052, true), ('checks', 'striped', 'split-half disagreement', 0.1, 0.3, true), ('checks', 'striped', 'colour grain', 0.2, 0.34, true),
    ('checks', 'found', 'CAV shift after JPEG', 0.02, 0.052, true), ('checks', 'found', 'split-half disagreement', 0.2, 0.3, true), ('checks', 'found', 'colour grain', 0.1, 0.34, true),
    ('checks', 'dotted', 'CAV shift after JPEG', 0.03, 0.052, true), ('checks', 'dotted', 'split-half disagreement', 0.2, 0.3, true), ('checks', 'dotted', 'colour grain', 0.25, 0.34, true),
    ('checks', 'pushed', 'CAV shift after JPEG', 0.375, 0.052, false), ('checks', 'pushed', 'split-half disagreement', 0.25, 0.3, true), ('checks', 'pushed', 'colour grain', 1.5, 0.34, false),
    ('checks', 'noisy', 'CAV shift after JPEG', 0.04, 0.052, true), ('checks', 'noisy', 'split-half disagreement', 0.25, 0.3, true), ('checks', 'noisy', 'colour grain', 1.75, 0.34, false),
    ('more checks', 'dotted', 'CAV shift after JPEG', 0.03, 0.052, true), ('more checks', 'dotted', 'split-half disagreement', 0.3125, 0.3, false), ('more checks', 'dotted', 'colour grain', 0.25, 0.34, true);
INSERT INTO runs VALUES
    ('first', 'extract', '2025-01-01 10:00:00', 90, 1073741824, 'abc', '{}'), ('second', 'atlas', '2025-01-02 10:00:00', 30, 536870912, NULL, '{}');
INSERT INTO audit_results VALUES
    ('2025-01-01 12:00:00', 'old', 'sql', false, 9, '[]'),
    ('2025-01-02 12:00:00', 'new', 'sql', true, 0, ''), ('2025-01-02 12:00:00', 'newer', 'great-expectations', false, 2, '[1]');
-- The run `first` made the set, and `second` the SAE, which a run that failed later scored again; the crosscoder is of an older version. The
-- MLflow store was lost once.
INSERT INTO activation_set_images VALUES ('set', 'i1', 'train', 8), ('set', 'i2', 'test', 2);
INSERT INTO loads VALUES ('set tables', 'activation_sets', 1, '2025-01-02 12:00:00'), ('sae tables', 'dictionaries', 1, '2025-01-02 12:00:00');
INSERT INTO provenance VALUES
    ('activation_sets', 'activation_sets', 'set', 'set tables', 'first', 'abc', '2025-01-01 10:01:00'), ('dictionaries', 'dictionaries', 'sae', 'sae tables', 'second', NULL, '2025-01-02 10:00:10'),
    ('features', 'dictionaries', 'sae', 'sae tables', 'second', NULL, '2025-01-02 10:00:20'), ('dictionary_metrics', 'dictionaries', 'sae', 'scores', 'failed', 'def', '2025-01-03 10:00:00'),
    ('trust_analyses', 'trust_analyses', 'checks', 'checks tables', NULL, 'abc', '2025-01-03 11:00:00'),
    ('benchmarks', 'benchmarks', 'probes', 'probes of sae', 'second', 'abc', '2025-01-02 11:00:00'), ('benchmarked_dictionaries', 'benchmarked_dictionaries', 'sae', 'probes of sae', 'second', 'abc', '2025-01-02 11:00:00'),
    ('benchmarks', 'benchmarks', 'photographs', 'photographs of sae', 'first', 'def', '2025-01-03 11:00:00'), ('benchmarked_dictionaries', 'benchmarked_dictionaries', 'sae', 'photographs of sae', 'first', 'def', '2025-01-03 11:00:00'),
    ('benchmarks', 'benchmarks', 'probes', 'probes of sparser', 'failed', 'def', '2025-01-04 11:00:00'), ('benchmarked_dictionaries', 'benchmarked_dictionaries', 'sparser', 'probes of sparser', 'failed', 'def', '2025-01-04 11:00:00');
INSERT INTO mlflow_runs VALUES
    ('m1', 'dictionary', 'sae', 'net/early', '2025-01-02 10:00:25'), ('m2', 'dictionary', 'sae', 'net/early', '2025-01-04 10:00:00'),
    ('m3', 'concepts', 'asked', 'net/concepts', '2025-01-03 10:00:00'), ('m4', 'benchmark', 'probes of sae', 'net/early/benchmark', '2025-01-02 11:00:05');
INSERT INTO mlflow_models VALUES
    ('topk-sae', 7, 'm1', 'sae', NULL, NULL), ('topk-sae', 1, 'm2', 'sae', NULL, NULL),
    ('logistic-cav', 2, 'm3', 'asked', 'dotted', 'early'), ('logistic-cav', 1, 'm3', 'asked', 'striped', 'early');

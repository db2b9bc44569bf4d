-- One row per (attack, network and layer that the sets are read at): TCAV of the story's class, beside vectors of random sets. In the order
-- of the network: a layer that sees more stands later.
SELECT
    a.analysis,
    a.touched,
    a.attack,
    a.epsilon,
    a.fraction,
    a.read_network,
    a.read_layer,
    a.score,
    a.low,
    a.high,
    a.random_score,
    s.random_spread,
    a.accuracy,
    a.cosine,
    a.p_holm,
    a.verdict,
    a.turned
FROM attack_answers AS a
JOIN attack_scores AS s USING (analysis, touched, attack, epsilon, fraction, read_network, read_layer)
JOIN layers AS l ON l.network = a.read_network AND l.layer = a.read_layer
ORDER BY a.analysis, a.touched, a.attack, a.epsilon, a.fraction, a.read_network, l.receptive_field, a.read_layer;

"""What is read from vectors: maps, clusters, neighbours and scores. Functions of numpy arrays, without torch."""

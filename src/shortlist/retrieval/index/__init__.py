"""Vector indexes behind one interface: exact, HNSW, IVF with whole, 8-bit or product-quantised vectors, ScaNN."""

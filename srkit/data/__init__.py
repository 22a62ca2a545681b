"""From files to batches: decoding, patch cutting, the order of samples, the memory cache, the loader, the audit."""

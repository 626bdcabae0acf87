"""What people write in `config/`: benchmarks, the catalogue of methods and that of data sets."""

"""Every choice of a training run, read strictly from YAML files and the command line."""

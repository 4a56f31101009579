"""The commands of `hayago.cli`, one module each: read the options, call the library, print the result."""

"""Speed and memory, each figure from fresh processes.

    make bench                            every figure: the reference cluster, five runs of each case; takes long
    python -m benchmarks reading          one group, or one figure of it: reading.yaml
    python -m benchmarks reading --quick  one run on a small cluster

How to read what is printed. A figure is one piece of work, done by kcompile and by its competitors, in turn, each run
in a process of its own:

    reading.yaml: YAML to objects, one document for each
                         input                                    cpu s   wall s      MB     a second    ratio   last s
      kcompile           3.5 MB cluster-500.documents.yaml        0.042    0.064      34    83.7 MB/s             0.042
      PyYAML CSafeLoader 3.5 MB cluster-500.documents.yaml        0.796    1.340      45     4.5 MB/s     18.8    0.801

A line says what was read, the processor time (user and system, all threads), the time on the wall, the peak of the
resident memory, and what is done in a second of processor time. The ratio: for the same amount this takes 18.8 times
the processor time of the first line. Times are medians. The preparation (importing, reading the file) is not timed,
unless the case is a whole command. Other work on the machine stretches the wall, and the processor time by some 10 to
20 per cent; ratios within a figure are steadier than times. The last column is the processor time that the same case
took before. All results are kept in build/benchmarks.json.

A new figure is an entry in the FIGURES of a module of this folder; a new module is an entry in GROUPS in figure.py.
"""

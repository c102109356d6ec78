"""The paper's own experiments, one module each, small enough for a laptop: Trask et al. 2018, section 4;
`hundred`, the first of them as Madsen & Johansen (2020) made it exact; and what one would ask today, of Transformers: `tokens`, `values`.

Every module makes its own data, names its models, and the pieces that its table is made of (`CHUNKS`, with the columns that tell them apart
in `KEY`); `run(*chunk, seeds=…, steps=…)` trains one piece, all seeds side by side, and returns a table with a row for each seed and each
measurement. `updates`, where there is one, says how many updates that takes. `python -m nalu_helpers.benchmark paper` runs all pieces into
`results/`; the notebooks show those tables, and train a small version with the same functions.
"""

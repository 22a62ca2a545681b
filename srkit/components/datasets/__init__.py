"""The built-in datasets: folders, pairs, packed sets, mixes, and sets that come with libraries."""

"""Label trees: how one is laid out, grown, trained and read; `Tagger` averages several."""

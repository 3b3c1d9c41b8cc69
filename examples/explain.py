"""Why did it say that? The words that spoke for a tag, and the tags that share a leaf."""

import fewfire as ff

train, test = ff.datasets.packages()
tagger = ff.Tagger("fast").fit(train)

text = "command line tool to convert images"
for reason in tagger.explain([text], k=2, n=4)[0]:
    words = (tagger.feature_name(feature) for feature in reason.features)
    told = (f"{word} {x:+.2f}" for word, x in zip(words, reason.contributions, strict=True))
    print(f"{train.label_names[reason.label]} {reason.score:.2f}: {', '.join(told)}")

for number, leaf in enumerate(tagger.leaves(n=5)):
    words = ", ".join(tagger.feature_name(feature) for feature in leaf.features)
    tags = ", ".join(train.label_names[label] for label in leaf.labels[:3])
    print(f"leaf {number}: {words} lead to {tags}, ...")

"""What the embedded weights learned from, and what has to be said of them on their card."""

SOURCES = (
    {
        "name": "generated layouts and traffic",
        "licence": "Apache-2.0 (this project)",
        "use": "student: images, boxes, captions; detector: figures of people, riders, animals, buses and trucks",
    },
    {
        "name": "rf_accident: Accident detection model v2, Roboflow Universe",
        "licence": "CC BY 4.0",
        "use": "detector: frames labelled by the teacher; student: labels and accident boxes of "
        "the training cameras; calibration: its normal frames",
        "url": "https://universe.roboflow.com/accident-detection-model/accident-detection-model",
    },
    {
        "name": "normal dashcam frames of public repositories",
        "licence": "MIT and Apache-2.0",
        "use": "detector: frames labelled by the teacher; student, as normal traffic; calibration",
    },
    {"name": "YOLOX-nano", "licence": "Apache-2.0", "use": "teacher of the detector"},
    {
        "name": "all-MiniLM-L6-v2 (sentence-transformers)",
        "licence": "Apache-2.0",
        "use": "part of the text encoder, its matrices rounded to 8 bits",
        "url": "https://huggingface.co/sentence-transformers/all-MiniLM-L6-v2",
    },
)
REMARKS = (
    "One seed. No figure on a public benchmark: their footage is not at hand.",
    "The student learned from generated scenes: relations, motion with detector noise, the scene half. "
    "Where a frame lies outside its drawn ones the answer says `appearance: off`; class and box geometry "
    "count then, with motion in clips and a look at the participants in stills. That look reads the features of an earlier detector (commit 4a412fd, "
    "before drawn figures were laid into its frames), which served it better on the folds on which this was chosen, and learned from pictures of 27 real cameras whether a pair lies in an accident, not in which.",
    "The weights of text and motion on real footage, the smoothing, how long a score must hold and how seldom an alarm may be false on real and on generated streets, "
    "what a bump counts, that the look is silent on film and how loud motion is turned down were chosen by looking at the development clips; the share of the past, the weights on drawn frames and "
    "by what a segment is told on generated clips of other seeds than the figures. docs/experiments.md lists what was tried.",
    "The detector was trained on with drawn people, riders, animals, buses and trucks laid into its frames, those that the teacher recognised: "
    "it finds persons in other footage now, of motorcycles some, of bicycles, buses and animals next to none.",
    "The detector's threshold rule (precision 0.88 on the training cameras) was chosen after its held-out curves were seen.",
    "That the detector looks a second time, at 320 of its 512 pixels, and that the mean of both boxes counts was chosen by its boxes on held-out cameras and unseen dashcam clips and by the scores of the development clips, "
    "as they are, encoded again and mirrored: those figures are not wholly unseen either.",
    "The detector learned from ego frames that come from the clips dcoa_redcar_tbone and dcoa_intersection_tbone, from a frame of normal_udacity_highway, "
    "and from frames of the clips cctv_kb7_accident3 and cctv_kb7_accident4, with whose accidents the look was trained too: those clips count as seen.",
    "The threshold of clips allows no alarm in the normal parts of the development clips, so that there is none says nothing: "
    "with each clip left out of it there is one in their 136 seconds.",
    "The student went on twice: from the bundle of commit ea294e1, whose training had seen parked cars wander into each other and took the hard negatives of a scene for "
    "untrue of every other (both are mended), and from that of commit 8d3109b. Captions of the first time could quote the hierarchy's texts about vehicles, which are younger; of 52,008 drawn as for it none does. "
    "Then layers that speak on film alone were added to the bundle of commit 4733e6d and trained on boxes, classes and motion of 48,640 generated scenes (`train-relations`), and once more beside the texts of the language model. "
    "Last, from the bundle of commit a3bd1cb, on 76,800 scenes (commit 5f5ed48) of streets with more lanes, left-hand traffic, vehicles that turn off and people who stand or cross, "
    "and of accidents to which vehicles come as vehicles can: none reverses into one, or brakes harder than tyres hold. "
    "What the streets lacked was found by looking at what the texts said of the normal parts of the development clips, and at what was told of their accidents; "
    "of heads trained on streets in between, which told two real side impacts as hard braking, none was shipped.",
    "The text tower stands on all-MiniLM-L6-v2, which stays as it is; one block on top of it learned from 31,982 generated captions and 24,000 sentences whose parts come from anywhere to say what the student's own text tower had "
    "said (`train-texts`). The block was chosen of six variants by pairs explained in the other words of the table above, and the mixed sentences by drawn scenes: neither row is wholly unseen.",
    "The alarm's threshold is that of frames whose pixels are not trusted, as of nearly all real ones; drawn frames alarm more often.",
)

"""The other words of the generated captions: noun phrases, tails by weather."""

NOUNS: dict[str, tuple[str, ...]] = {
    "car": ("a car", "a vehicle", "a sedan", "a moving car", "a red car", "a dark car", "a van"),
    "truck": ("a truck", "a lorry", "a heavy truck", "a large truck"),
    "bus": ("a bus", "a city bus", "a coach"),
    "motorcycle": ("a motorcycle", "a motorbike", "a rider on a motorcycle"),
    "bicycle": ("a bicycle", "a cyclist", "a bike rider", "a bicycle rider"),
    "person": ("a pedestrian", "a person", "a man", "a woman", "people"),
    "animal": ("an animal", "a dog", "a deer", "a cow", "a horse"),
    "ego": ("our car", "the camera car"),
    "road": ("the road", "the lane", "the street"),
    "pole": ("a pole", "a lamp post", "a roadside pole"),
    "tree": ("a tree", "a tree trunk"),
    "barrier": ("a barrier", "the concrete barrier", "the guardrail", "a guardrail"),
    "debris": ("debris", "an object", "a fallen object", "a large object", "its load"),
    "grass": ("the grass", "a ditch", "the roadside"),
    "flames": ("flames", "fire", "thick smoke", "smoke"),
}
PLURAL = ("people", "flames")
OTHER = {"car": "another car", "truck": "another truck", "bus": "another bus"}

TAILS = {
    "day": ("", "", "", " on the road", " in traffic", " at the intersection", " ahead"),
    "night": ("", " at night", " on the dark road", " in the dark"),
    "rain": ("", " in heavy rain", " on the wet road"),
    "snow": ("", " on the snowy road", " on the icy road"),
    "fog": ("", " in the fog", " in thick fog"),
}

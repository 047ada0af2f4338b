"""The scripts: which plot tells of which leaf, and of which normal twin."""

from collections.abc import Callable

from model.synthesis import ego_plots, other_plots, vehicle_plots
from model.synthesis.plots import Plot, Random

# script -> (plot, anomaly leaf, normal leaf, DoTA code, ego involved)
SCRIPTS: dict[str, tuple[Callable[[Random], Plot], str, str, str, bool]] = {
    "rear_end": (vehicle_plots.rear_end, "a.vv.ah.rear_end", "n.vv.following", "AH", False),
    "sideswipe": (vehicle_plots.sideswipe, "a.vv.la.sideswipe", "n.vv.parallel", "LA", False),
    "cut_in": (vehicle_plots.cut_in, "a.vv.la.cut_in", "n.vv.lane_change", "LA", False),
    "head_on": (vehicle_plots.head_on, "a.vv.oc.head_on", "n.vv.oncoming", "OC", False),
    "t_bone": (vehicle_plots.t_bone, "a.vv.tc.t_bone", "n.vv.crossing", "TC", False),
    "turning": (vehicle_plots.turning, "a.vv.tc.turning", "n.vv.turn", "TC", False),
    "backing": (vehicle_plots.backing, "a.vv.tc.backing", "n.vv.parked", "TC", False),
    "pull_out": (vehicle_plots.pull_out, "a.vv.st.pull_out", "n.vv.parked", "ST", False),
    "motorcycle_fall": (
        vehicle_plots.motorcycle_fall,
        "a.vv.motorcycle_fall",
        "n.vv.motorcycle",
        "TC",
        False,
    ),
    "wreck": (vehicle_plots.wreck, "a.vv.wreck", "n.vv.queue", "UK", False),
    "pedestrian_hit": (other_plots.pedestrian_hit, "a.vp.hit", "n.vp.crosswalk", "VP", False),
    "dart": (other_plots.dart, "a.vp.dart", "n.vp.sidewalk", "VP", False),
    "cyclist": (other_plots.cyclist, "a.vp.cyclist", "n.vp.cyclist", "VP", False),
    "fixed_object": (other_plots.fixed_object, "a.vo.fixed", "n.vo.passing", "VO", False),
    "animal": (other_plots.animal, "a.vo.animal", "n.vo.animal", "VO", False),
    "debris": (other_plots.debris, "a.vo.debris", "n.vo.clear", "VO", False),
    "leave_road": (other_plots.leave_road, "a.oo.leave", "n.vo.lane", "OO", False),
    "rollover": (other_plots.rollover, "a.oo.rollover", "n.vo.lane", "OO", False),
    "fire": (other_plots.fire, "a.uk.fire", "n.vo.clear", "UK", False),
    "ego_rear_end": (ego_plots.ego_rear_end, "a.ego.ah", "n.ego.follow", "AH", True),
    "ego_pull_out": (ego_plots.ego_pull_out, "a.ego.st", "n.ego.stop", "ST", True),
    "ego_side": (ego_plots.ego_side, "a.ego.la", "n.ego.parallel", "LA", True),
    "ego_oncoming": (ego_plots.ego_oncoming, "a.ego.oc", "n.ego.oncoming", "OC", True),
    "ego_crossing": (ego_plots.ego_crossing, "a.ego.tc", "n.ego.crossing", "TC", True),
    "ego_person": (ego_plots.ego_person, "a.ego.vp", "n.ego.person", "VP", True),
    "ego_leaves": (ego_plots.ego_leaves, "a.ego.oo", "n.ego.clear", "OO", True),
}
# Leaves that no training scene tells of: what evaluation says about them is zero-shot twice over.
HELD_OUT = ("backing", "turning")

"""Generated layouts and dashcam traffic with their captions and facts."""

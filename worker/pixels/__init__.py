"""Owns pixels: from the bytes of a source to the renditions that a shop shows.

`children` hands bytes to child processes, where `render` and what lies under it decode them: a
decoder is where a picture attacks. `renditions` says what is wanted and what came of it.
"""

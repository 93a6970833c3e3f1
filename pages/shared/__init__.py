"""What several pages need: state, wording, charts, the drawn network."""

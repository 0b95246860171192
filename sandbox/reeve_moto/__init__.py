"""The emulated AWS behind `reeve sandbox`: moto, and on moto's own state what it lacks."""

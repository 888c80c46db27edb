"""How the world is spoken to: the only place where third-party packages are imported."""

"""What experts know about traffic: descriptions, entities, relations. Imports nobody."""

"""Hot reload: the functions of a module follow its new text."""

"""What is kept on disk, behind the ports."""

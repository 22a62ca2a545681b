"""What a network is made of and what training it takes."""

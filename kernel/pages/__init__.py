"""What pages of every face share: who may open them, and how a refusal reads in a form."""

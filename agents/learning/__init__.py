"""What algorithms learn from and with: whole responses, their advantages, the reference policy, optimizers."""

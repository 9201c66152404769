"""Django's admin as this product uses it: rows to look at, and deeds that services do.

Every app's `admin` registers its models with `base.ReadOnlyAdmin`. What a row may not show is in
`secrets`, whose rows somebody sees in `scope`, what can be done with them in `deeds`. The kernel's own tables, `own`, are registered by
the composition root: they would otherwise come before the site they are registered with.
"""

"""Staff: users who may open Django's admin for the rows of their own tenants."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0003_row_security"),
        ("auth", "0012_alter_user_first_name_max_length"),
    ]

    operations = [
        migrations.AddField(
            model_name="user",
            name="may_administer",
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name="user",
            name="groups",
            field=models.ManyToManyField(blank=True, related_name="+", to="auth.group"),
        ),
        migrations.AddField(
            model_name="user",
            name="user_permissions",
            field=models.ManyToManyField(blank=True, related_name="+", to="auth.permission"),
        ),
        migrations.AlterField(
            model_name="loginsession",
            name="end_reason",
            field=models.CharField(
                blank=True,
                choices=[
                    ("logout", "Logged out"),
                    ("ended_by_user", "Ended by its user"),
                    ("ended_by_admin", "Ended by an administrator"),
                    ("password_changed", "Password changed"),
                    ("refresh_reuse", "Refresh token used twice"),
                    ("user_deactivated", "User deactivated"),
                    ("expired", "Not used for too long"),
                    ("account_erased", "Account erased"),
                ],
                default="",
                max_length=20,
            ),
        ),
    ]

"""Make the shop's table."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """Make it."""

    operations = [  # noqa: RUF012 - Django's way
        migrations.CreateModel(
            name="Appointment",
            fields=[("id", models.BigIntegerField(primary_key=True, serialize=False))],
            options={"db_table": "appointments"},
        )
    ]

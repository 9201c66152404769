"""Routes about infrared, below /api/v1/."""

from django.urls import path

from infrared.api import customer_views, views

_CODES = "devices/<str:uid>/ir-codes"
_CODE = f"{_CODES}/<uuid:code_id>"

urlpatterns = [
    path(_CODES, views.IrCodesView.as_view(), name="ir-codes"),
    path(f"{_CODES}/learn", views.IrLearnView.as_view(), name="ir-code-learn"),
    path(_CODE, views.IrCodeView.as_view(), name="ir-code"),
    path(f"{_CODE}/transmit", views.IrTransmitView.as_view(), name="ir-code-transmit"),
    path(
        f"customer/{_CODES}", customer_views.CustomerIrCodesView.as_view(), name="customer-ir-codes"
    ),
    path(
        f"customer/{_CODES}/learn",
        customer_views.CustomerIrLearnView.as_view(),
        name="customer-ir-code-learn",
    ),
    path(f"customer/{_CODE}", customer_views.CustomerIrCodeView.as_view(), name="customer-ir-code"),
    path(
        f"customer/{_CODE}/transmit",
        customer_views.CustomerIrTransmitView.as_view(),
        name="customer-ir-code-transmit",
    ),
]

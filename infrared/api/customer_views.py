"""The same routes under the addresses that customers' programs know."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema, extend_schema_view

from infrared.api import views


@extend_schema_view(
    get=extend_schema(operation_id="customer_ir_code_list"),
    post=extend_schema(operation_id="customer_ir_code_create"),
)
class CustomerIrCodesView(views.IrCodesView):
    """As `/devices/{uid}/ir-codes`."""


@extend_schema_view(
    get=extend_schema(operation_id="customer_ir_code_get"),
    patch=extend_schema(operation_id="customer_ir_code_update"),
    delete=extend_schema(operation_id="customer_ir_code_delete"),
)
class CustomerIrCodeView(views.IrCodeView):
    """As `/devices/{uid}/ir-codes/{code_id}`."""


@extend_schema_view(post=extend_schema(operation_id="customer_ir_code_learn"))
class CustomerIrLearnView(views.IrLearnView):
    """As `/devices/{uid}/ir-codes/learn`."""


@extend_schema_view(post=extend_schema(operation_id="customer_ir_code_transmit"))
class CustomerIrTransmitView(views.IrTransmitView):
    """As `/devices/{uid}/ir-codes/{code_id}/transmit`."""

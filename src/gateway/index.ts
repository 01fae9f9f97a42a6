export { type Facilitator, startFacilitator } from './facilitator/facilitator.ts'
